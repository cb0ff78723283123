"""What Prometheus is told: the router's own counts, and how the servers are, as far as they answer."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from quorumlog.runtime.gateway import Gateway
from quorumlog.runtime.probe import Statuses

CONTENT: Final = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds."""


class Metrics:
    """The metrics of one router, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        kept = self._registry
        self.requests = Counter("quorumlog_router_requests", "Requests.", ["route", "status"], registry=kept)
        self.seconds = Histogram(
            "quorumlog_router_seconds", "Seconds to the answer.", ["route"], registry=kept, buckets=BUCKETS
        )
        self.outstanding = Gauge("quorumlog_router_outstanding", "Requests without an answer.", registry=kept)
        self.open = Gauge("quorumlog_router_open", "What was asked of groups, and is not answered.", registry=kept)
        self.streams = Gauge("quorumlog_router_streams", "Streams of events.", registry=kept)
        self.known = Gauge("quorumlog_router_events", "Events that the router has copied.", ["group"], registry=kept)
        self.age = Gauge(
            "quorumlog_router_copy_age_seconds", "How long ago the copy was complete.", ["group"], registry=kept
        )
        server = ["group", "server"]
        self.up = Gauge("quorumlog_server_up", "Whether a server answers.", server, registry=kept)
        self.leads = Gauge("quorumlog_server_leads", "Whether a server leads.", server, registry=kept)
        self.term = Gauge("quorumlog_server_term", "Its term.", server, registry=kept)
        self.commit = Gauge("quorumlog_server_commit", "Entries that it knows to be decided.", server, registry=kept)
        self.synced = Gauge("quorumlog_server_synced", "Entries on its disk.", server, registry=kept)
        self.sessions = Gauge("quorumlog_server_sessions", "Sessions and keys that it knows.", server, registry=kept)

    def text(self, gateway: Gateway, statuses: Statuses) -> bytes:
        """All of it, in the text format."""
        self.open.set(gateway.open)
        for name, group in gateway.groups.items():
            self.known.labels(name).set(group.feed.projection.events)
            _, age = group.feed.staleness()
            self.age.labels(name).set(float("nan") if age is None else age / 1000)
        for group_name, servers in statuses.items():
            for server, status in servers.items():
                self.up.labels(group_name, server).set(status is not None)
                self.leads.labels(group_name, server).set(status is not None and status.role == "leader")
                if status is not None:
                    self.term.labels(group_name, server).set(status.term)
                    self.commit.labels(group_name, server).set(status.commit)
                    self.synced.labels(group_name, server).set(status.synced)
                    self.sessions.labels(group_name, server).set(status.sessions)
        return generate_latest(self._registry)
