"""What is broken, and when: drawn from the seed before anything runs, so that a run can be repeated."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    weight: int
    target: str  # what it breaks: of one target only one thing is broken at a time
    lasts: tuple = ()  # shortest and longest, in seconds
    rest: float = 0  # seconds until the same target may be broken again


@dataclass(frozen=True)
class Fault:
    number: int
    kind: str
    target: str
    victim: int
    begin: float  # seconds from the start
    end: float  # the same as `begin` if it is over at once


def kinds(ack_wait, cluster, can_fill):
    """The table of faults. `can_fill`: OUTDIR is on a file system of its own."""
    rest = 6 if cluster else 4  # a new leader takes its time; a majority is never broken
    table = {
        "worker killed": Kind(24, "worker"),
        "worker terminated": Kind(12, "worker"),
        "worker stopped": Kind(6, "worker", (1.03 * ack_wait, 1.03 * ack_wait + 2)),
        "connection cut": Kind(14, "link"),
        "connection stalled": Kind(6, "link", (0.5, 6)),
        "connection refused": Kind(6, "link", (0.5, 4)),
        "server killed": Kind(5, "server", (0.1, 1.5), rest),
        "server terminated": Kind(4, "server", (0.1, 1.5), rest),
        "records refused": Kind(6, "server", (0.3, 1.5), rest),
        "outdir away": Kind(4, "outdir", (0.3, 3), 4),
        "subscriber cut": Kind(4, "subscriber", (), 1),
    }
    if cluster:
        table["leader killed"] = Kind(12, "server", (0.1, 3), rest)
    if can_fill:
        table["outdir full"] = Kind(4, "outdir", (0.3, 3), 4)
    return table


def make_plan(seed, duration, every, workers, servers, table):
    """Faults over `duration` seconds, about `every` seconds apart; all are over at its end."""
    chance = random.Random(seed)
    victims = {"worker": workers, "link": workers, "server": servers, "outdir": 1, "subscriber": 1}
    free_at = {}
    faults = []
    now = every
    while now < duration:
        kind = chance.choices(list(table), [each.weight for each in table.values()])[0]
        entry = table[kind]
        victim = chance.randrange(victims[entry.target])
        end = now + (chance.uniform(*entry.lasts) if entry.lasts else 0)
        key = (entry.target, victim if entry.target in ("worker", "link") else 0)
        stopped = sum(fault.kind == kind == "worker stopped" and fault.end > now for fault in faults)
        if end <= duration and free_at.get(key, 0) <= now and stopped <= (workers - 1) // 2:
            faults.append(Fault(len(faults) + 1, kind, entry.target, victim, now, end))
            free_at[key] = end + entry.rest
            now += every * chance.uniform(0.5, 1.5)
        else:
            now += 0.001  # drawn again
    return faults


def timeline(faults):
    """(time, what, fault) in order; what is "begin", or "end" for a fault that lasts."""
    events = [(fault.begin, "begin", fault) for fault in faults]
    events += [(fault.end, "end", fault) for fault in faults if fault.end > fault.begin]
    return sorted(events, key=lambda event: (event[0], event[2].number))
