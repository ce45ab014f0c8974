"""The table of options says where they go, and every option in it goes there."""

from __future__ import annotations

import pytest

from speechgraft.errors import IncompatiblePairError, RoutingError
from speechgraft.registry import PairReport, check, default_catalog
from speechgraft.registry.configs import route_options
from speechgraft.registry.routes import Routes
from speechgraft.routing import route


@pytest.fixture(scope="module")
def report() -> PairReport:
    catalog = default_catalog()
    parts = {"encoder": dict(catalog.encoder("wav2vec2").tiny), "decoder": dict(catalog.decoder("bert").tiny)}
    return check("wav2vec2", "bert", connector="conv", seconds=None, **parts)


@pytest.fixture(scope="module")
def routes(report: PairReport) -> Routes:
    assert report.routes is not None
    return report.routes


def test_every_option_of_a_factory_arrives(routes: Routes) -> None:
    catalog = default_catalog()
    entries = catalog.encoder("wav2vec2"), catalog.decoder("bert"), catalog.connector("conv")
    assert {"hidden_size", "conv_stride"} <= set(routes.factories["encoder"])
    for part, names in routes.factories.items():
        assert names, part
        for name in names:
            spelt = name if part == "pair" else f"{part}_{name}"
            routed = route_options({spelt: 1}, *(entry.load_config_class() for entry in entries))
            assert routed[part] == {name: 1}


def test_every_option_of_forward_arrives(routes: Routes) -> None:
    takes = {part: routes.forward[part] for part in ("encoder", "decoder")}
    assert "mask_time_indices" in takes["encoder"] and "token_type_ids" in takes["decoder"]
    assert {"labels", "attention_mask", "inputs"} <= set(routes.forward["pair"])
    for part, names in takes.items():
        for name in names:
            assert route({f"{part}_{name}": 1}, takes, unprefixed="encoder")[part] == {name: 1}
    with pytest.raises(RoutingError):
        route({takes["decoder"][0]: 1}, takes, unprefixed="encoder")


def test_it_is_printed_with_every_name(report: PairReport, capsys: pytest.CaptureFixture[str]) -> None:
    report.explain_routing()
    out = capsys.readouterr().out
    told = set(out.replace(",", " ").split())
    for table in (report.routes.factories, report.routes.forward):
        assert all(name in told for names in table.values() for name in names)
    assert "encoder_NAME -> the encoder" in out and "NAME or encoder_NAME -> the encoder" in out
    assert max(map(len, out.splitlines())) <= 120


def test_there_is_nowhere_to_go_without_a_pair() -> None:
    with pytest.raises(IncompatiblePairError, match=r"no option goes anywhere(.|\n)*hidden_size"):
        check("wav2vec2", "bert", encoder={"hidden_size": 0}).explain_routing()


def test_misspelt_options_and_wrong_values_are_told_at_once() -> None:
    report = check("wav2vec2", "bert", encoder={"hidden_size": "16"}, decoder={"hidden_act": "gleu"}, encoder_layrs=3)
    told = "\n".join(report.problems)
    assert all(each in told for each in ("encoder_layrs", "$.encoder.hidden_size", "$.decoder.hidden_act"))
