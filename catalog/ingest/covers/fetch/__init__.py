"""Fetch covers over HTTP from public hosts with rate limits and retries.

fetcher ──► host rate limit ──► public addresses ──► connection ──► response ──► body
   ▲                                                                    │
   └─────────── redirect, 429 or 503, failure: another request ◄────────┘
"""
