"""Where the covers are: files of one folder, or URLs, which are fetched.

fetcher ──► rate of the host ──► judged addresses ──► connection ──► answer ──► body
   ▲                                                                   │
   └──────────── redirect, refusal, failure: another request ◄─────────┘
"""
