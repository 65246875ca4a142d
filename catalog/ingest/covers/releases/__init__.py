"""Find the covers of albums by the ids of their releases, through MusicBrainz and the Cover Art Archive.

table ──► locations ──► MusicBrainz ──► Cover Art Archive
                          │      ▲           │      ▲
                          ▼      │           ▼      │
                          remembered answers
"""
