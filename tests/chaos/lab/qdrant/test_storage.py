import pytest
import qdrant_edge as edge

from chaos.lab.qdrant.storage import Collection, Description, Storage


def points(count):
    return [edge.Point(n, [1.0, n]) for n in range(count)]


def test_without_custom_keys_points_spread_over_the_shards_and_stay_there(tmp_path):
    collection = Collection(tmp_path, Description(2, False, ["0", "1", "2"]))
    placed = {id(shard): [point.id for point in part] for shard, part in collection.place(points(90), [])}
    assert len(placed) == 3
    assert min(map(len, placed.values())) > 15
    again = {id(shard): [point.id for point in part] for shard, part in collection.place(points(90), [])}
    assert again == placed
    collection.close()


def test_with_custom_keys_the_writer_says_where(tmp_path):
    collection = Collection(tmp_path, Description(2, True, ["a", "b"]))
    assert list(collection.place([], ["a"])) == [(collection.shards["a"], [])]
    for keys in ([], ["a", "b"]):
        with pytest.raises(ValueError, match="shard key"):
            list(collection.place(points(1), keys))
    collection.close()


def test_a_dead_shard_fails_what_needs_it(tmp_path):
    collection = Collection(tmp_path, Description(2, True, ["a", "b"]))
    collection.dead.add("a")
    assert collection.pick(["b"]) == [collection.shards["b"]]
    for keys in ([], ["a"], ["a", "b"]):
        with pytest.raises(ConnectionError, match="shard a"):
            collection.pick(keys)
    with pytest.raises(LookupError, match="shard key c"):
        collection.pick(["c"])
    collection.close()


def test_it_remembers(tmp_path):
    first = Storage(tmp_path)
    first.create("c", Description(2, True, indexes=["f"]))
    first.collection("c").open("k")
    first.collection("c").description.keys.append("k")
    first.aliases["alias"] = "c"
    first.save()
    first.close()
    second = Storage(tmp_path)
    assert second.collection("alias").description == Description(2, True, ["k"], ["f"])
    assert list(second.collection("c").shards) == ["k"]
    assert second.delete("c")
    assert (second.aliases, (tmp_path / "c").exists()) == ({}, False)
    second.close()
