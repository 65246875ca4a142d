"""Move a catalog to another model while it serves searches.

album_covers ──► covers embedded by the new model ──► album_covers_next, with its index
     │                                                       │
     └──────────────── one transaction: drop, rename, stamp ◄┘
"""
