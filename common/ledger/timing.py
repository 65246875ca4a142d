"""How often the ledger is tended; measured choices that no operator needs to turn."""

#: One process at a time sweeps, this often.
SWEEP_EVERY_MS = 1000
#: A queued run whose message was sent this long ago and is not in the list has lost it.
RESEND_AFTER_MS = 3000
#: A worker says that it lives this many times within a lease.
RENEWALS_PER_LEASE = 4
