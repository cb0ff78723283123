"""A read model of one's own: copied from any node, and no older than what a client has seen."""

from quorumlog import Cluster
from quorumlog.ledger.commands import Deposit, Transfer
from quorumlog.ledger.events import Event, Transferred


class Turnover:
    """How much has moved between accounts."""

    def start(self) -> int:
        return 0

    def evolve(self, state: int, event: Event) -> int:
        return state + event.amount if isinstance(event, Transferred) else state


with Cluster() as cluster, cluster.client() as ledger, cluster.read_model(Turnover(), source="a3") as turnover:
    ledger.ask(Deposit("ann", 30))
    ledger.ask(Transfer("ann", "bob", 12))
    view = turnover.view(ledger.token)
    print("moved:", view.state, "in", view.position, "events")
    print("its age is known:", view.known)
