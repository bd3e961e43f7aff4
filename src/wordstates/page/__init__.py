"""How pages look: templates that escape what they are given, and one style for all reports, light and dark."""
