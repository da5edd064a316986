"""How many transcribers there are: KEDA counts what waits for each lane's consumer."""

from shared.subjects import Lane
from shared.topology import JOBS, lane_consumer

PER_WORKER: dict[Lane, int] = {"urgent": 1, "live": 4, "backfill": 50}
"""Jobs that wait or are in hand, for each of which another transcriber is started."""
MOST = 4


def scaled_object() -> dict[str, object]:
    """The ScaledObject: from no transcriber to `MOST`, by the lane that needs the most."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "transcriber"},
        "spec": {
            "scaleTargetRef": {"name": "transcriber"},
            "minReplicaCount": 0,
            "maxReplicaCount": MOST,
            "pollingInterval": 5,
            # Seconds; a model takes a while to load, so the last one stays for the next call.
            "cooldownPeriod": 600,
            "triggers": [
                {"type": "nats-jetstream", "name": lane, "metadata": _lane(lane, count)}
                for lane, count in PER_WORKER.items()
            ],
        },
    }


def _lane(lane: Lane, count: int) -> dict[str, str]:
    # Lag is what waits and what is in hand, so a busy worker is not taken away.
    return {
        "natsServerMonitoringEndpoint": "nats-headless.echobase.svc.cluster.local:8222",
        "account": "$G",
        "stream": JOBS.name,
        "consumer": lane_consumer(lane).name,
        "lagThreshold": str(count),
        "activationLagThreshold": "0",
    }
