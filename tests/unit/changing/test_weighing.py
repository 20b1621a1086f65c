"""Every endpoint is chosen or rejected when an upload is placed, each with its reason."""

from tests.unit.changing.world import Scene, storage
from tests.unit.federation.world import TRIUMF, UVIC, VICTORIA_CLIENT, virtual
from ugrpy.changing.looking import look
from ugrpy.changing.weighing import Weighed, Wish
from ugrpy.core.errors import Forbidden, NoRoom, Unavailable
from ugrpy.federation import Member
from ugrpy.namespace.model import Cause, Denied, EndpointId
from ugrpy.namespace.model import Unknown as Silent
from ugrpy.namespace.paths import Mount, MountTable
from ugrpy.testing.scripted import Reply


async def weighed(
    scene: Scene, path: str = "/f", size_bytes: int | None = None, *preferred: str
) -> Weighed:
    wish = Wish(
        scene.world.zone(VICTORIA_CLIENT), size_bytes, frozenset(EndpointId(p) for p in preferred)
    )
    return await scene.changing.placing.weighing.weigh(await look(scene.ground, path), wish)


@virtual
async def test_all_are_chosen_or_rejected_and_say_why():
    elsewhere = Member(storage("pic"), MountTable((Mount("/other"),)), writable=True)
    fixed, denying, full = Member(storage("fixed")), storage("nikhef"), storage("ral", 1000)
    scene = Scene(
        storage("uvic"), storage("cern"), storage("triumf"), fixed, denying, full, elsewhere
    )
    denying.on("/f", Reply(Denied(403, "PROPFIND answered 403")))
    scene.under_way("/g", "ral", 900)
    scene.world.disable(TRIUMF)
    found = await weighed(scene, size_bytes=500)
    assert [site.endpoint for site in found.chosen] == ["uvic", "cern"]
    assert found.reasons.keys() == {"uvic", "cern"}
    assert found.reasons[UVIC].endswith("km from the client")
    assert found.rejected == {
        "fixed": "takes no changes",
        "pic": "mounted at /other",
        "nikhef": "PROPFIND answered 403",
        "triumf": "disabled by the operator: maintenance",
        "ral": "100 bytes left: 1000 free, 900 held for uploads under way",
    }
    assert found.refusal is None


@virtual
async def test_what_goes_before_the_ranking_is_said():
    scene = Scene(storage("uvic"), storage("cern", None, "/f"), storage("triumf"), storage("pic"))
    scene.under_way("/f", "triumf", 10)
    found = await weighed(scene, "/f", None, "pic")
    assert [site.endpoint for site in found.chosen] == ["triumf", "cern", "pic", "uvic"]
    firsts = [found.reasons[site.endpoint].partition(";")[0] for site in found.chosen[:3]]
    assert firsts == [
        "an upload of this name is under way there",
        "it holds the name already",
        "it is preferred for this transfer",
    ]


@virtual
async def test_nobody_left_is_a_refusal_with_the_reasons():
    refused = await weighed(Scene(Member(storage("uvic"))))
    assert isinstance(refused.refusal, Forbidden)
    away = Scene(storage("uvic"))
    away.world.disable(UVIC)
    refused = await weighed(away)
    assert isinstance(refused.refusal, Unavailable)
    assert refused.rejected == {"uvic": "disabled by the operator: maintenance"}
    silent = storage("uvic")
    silent.on("/f", Reply(Silent(Cause.FAILED, "500")))
    refused = await weighed(Scene(silent))
    assert isinstance(refused.refusal, Unavailable)
    assert refused.rejected == {"uvic": "500"}
    refused = await weighed(Scene(storage("uvic", 10)), size_bytes=11)
    assert isinstance(refused.refusal, NoRoom)
    assert refused.rejected == {"uvic": "10 bytes left: 10 free"}
    assert refused.chosen == ()


@virtual
async def test_room_kept_free_and_written_is_accounted_for():
    scene = Scene(storage("uvic", 100), storage("cern"), keep_free_bytes=40)
    await weighed(scene)
    scene.changing.rooms.written(UVIC, 20)
    assert scene.changing.rooms.account(UVIC) == (
        "40 bytes left: 100 free, 20 written since it was asked, 40 to be kept free"
    )
    assert scene.changing.rooms.account(EndpointId("cern")) == ("nobody knows how much room it has")
