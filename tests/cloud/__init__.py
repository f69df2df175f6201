"""A strict stand-in for Google Cloud on this machine; README.md says what it plays, and by which pages."""
