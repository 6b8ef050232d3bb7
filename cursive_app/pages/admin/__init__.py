"""/admin: pages for the platform's own staff. Everybody else sees the page for an address that leads nowhere."""
