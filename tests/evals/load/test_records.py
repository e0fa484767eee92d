from evals.load.records import Record

RECORD = Record(
    request_id="r",
    intended_s=1.0,
    lag_s=0.1,
    e2e_s=2.0,
    ttft_s=0.5,
    itl_s=[0.1, 0.2],
    status=200,
    verdict="miss",
    model="m",
    degraded=["shards:3/4", "extractive-fallback"],
    timings_ms={"embed": 1.5},
)


def test_rows_are_flat_and_come_back():
    row = RECORD.row()
    assert row["timings_ms.embed"] == 1.5
    assert "timings_ms" not in row
    assert Record.from_row(row | {"timings_ms.retrieve": None}) == RECORD


def test_the_rung_names_all_labels():
    assert RECORD.rung == "extractive-fallback+shards:3/4"
    assert Record("r", 0.0, 0.0, 1.0).rung == "full"
