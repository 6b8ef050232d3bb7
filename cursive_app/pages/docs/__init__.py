"""The user documentation: `assets/docs/*.md`, each article a page below /docs that anyone may open."""
