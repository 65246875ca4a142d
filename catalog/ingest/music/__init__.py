"""The music library as a source of albums.

    folder_walk ──► tag_reading ──► grouping ──► state/album_ids ──► album_values, covers ──► library

Each stage reads and writes the state file of the library through the modules in `state`.
"""
