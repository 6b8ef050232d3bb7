"""The settings pages: the person's own, and the workspace's."""
