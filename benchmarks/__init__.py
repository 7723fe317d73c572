"""Training steps of minigrad and of other libraries, timed side by side: `python -m benchmarks`.

A workload is one function in workloads/, a peer one entry in peers/. Each pair runs in a process of its own; the
processes of a workload take turns, so that whatever else the machine does falls on all of them alike.
"""
