"""The board: what the instructor sees of the room, and does to it."""
