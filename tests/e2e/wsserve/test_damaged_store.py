"""Proves: what a disk or a person did to the store's file costs the events it touched, and nothing else (R4)."""

import json


# R4
def test_a_store_that_is_taken_away_takes_no_events(stage, tmp_path):
    path = tmp_path / "events.db"
    server = stage.server("--store", path)
    with server.client() as client:
        client.publish("a", 1)
        for part in tmp_path.glob("events.db*"):
            part.unlink()
        assert client.error("publish", channel="a", type="t", data=2)["code"] == "UNAVAILABLE"
    ready = server.get("/readyz")
    assert ready.status == 503
    assert "was removed while it was open" in json.loads(ready.body)["reason"]
