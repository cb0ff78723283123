"""Three nodes of a ledger in this process: one of them is stopped, and the others answer."""

from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit, Transfer

with Cluster() as cluster, cluster.client() as ledger:
    print("deposited:", ledger.ask(Deposit("ann", 30)))
    cluster.stop("a1")
    print("moved:", ledger.ask(Transfer("ann", "bob", 12)))
    print("bob has", ledger.read(Balance("bob")))
