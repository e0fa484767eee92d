from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from cache.types import Verdict
from rag.compose import compose
from rag.errors import DeadlineExceeded, DependencyFailed, NotCached
from rag.pipeline.prompt import NOT_FOUND, Layout
from rag.pipeline.request import Answer, Ask, CacheOutcome, Delta, Plan
from rag.settings import load_settings
from rag.types import ANONYMOUS, Deadline, Document, RouteOutcome, Scope, Space
from router.types import Chunk, Message, TokenUsage
from tests.support.corpus import DOCUMENTS, QUESTION
from tests.support.failing import Failing

SPACE = Space(ANONYMOUS.tenant, "default")
ANSWER = "It is 330 metres tall. [1] It opened in 1889. [9]"


@dataclass
class Scripted:
    """A model that says what it was told to say.

    Attributes:
        prompts: what it was asked.
        closed: streams that were closed, at their end or before.
    """

    chunks: list[Chunk] = field(default_factory=list)
    prompts: list = field(default_factory=list)
    closed: int = 0
    name: str = "scripted"

    def says(self, text, *, finish_reason="stop", answered=None):
        self.chunks = [*(Chunk(f"{word} ") for word in text.split()[:-1]), Chunk(text.split()[-1])]
        self.chunks.append(Chunk("", finish_reason, TokenUsage(90, 7, 64), answered))

    async def stream(self, prompt, *, timeout_s):
        self.prompts.append(prompt)
        try:
            for chunk in self.chunks:
                yield chunk
        finally:
            self.closed += 1

    async def aclose(self):
        pass


class Bench:
    """A service over the corpus, whose small model is scripted and whose other parts can be told to fail."""

    def __init__(self, clock):
        self.clock = clock
        self.model = Scripted()
        self.model.says(ANSWER)
        self.parts = {}
        self.observed = []
        self.service = None

    def wrap(self, seam, adapter):
        self.parts[seam] = self.model if seam == "model:small" else Failing(adapter)
        return self.parts[seam]

    def observe(self, ask, answer):
        self.observed.append((ask, answer))

    def request(self, *turns, fingerprint="", **fields):
        roles = ("user", "assistant")
        messages = tuple(Message(roles[place % 2], turn) for place, turn in enumerate(turns or (QUESTION,)))
        scope = Scope(SPACE, "steadyrag", fingerprint)
        return Ask(ANONYMOUS, scope, Deadline.after(30, self.clock), "req_1", messages, **fields)

    async def events(self, ask):
        return [event async for event in self.service.pipeline.run(ask)]

    async def ask(self, *turns, **fields):
        """The answer."""
        return (await self.events(self.request(*turns, **fields)))[-1]

    async def verdict(self, *turns, **fields):
        return (await self.ask(*turns, **fields)).cache.verdict


@asynccontextmanager
async def opened(data_dir, model_folder, clock, **settings):
    built = Bench(clock)
    whole = {"index": {"shards": 2}, "limits": {"min_free_bytes": 0}, **settings}
    loaded = load_settings(data_dir=data_dir, cache_dir=model_folder.parent.parent, **whole)
    built.service = await compose(loaded, wrap=built.wrap, clock=clock, observe=built.observe)
    try:
        await built.service.writer.put(SPACE, DOCUMENTS)
        yield built
    finally:
        await built.service.aclose()


@pytest.fixture
async def bench(scratch, model_folder, clock):
    async with opened(scratch, model_folder, clock) as built:
        yield built


async def test_first_the_plan_then_the_words_then_the_answer(bench):
    plan, *words, answer = await bench.events(bench.request())
    route = RouteOutcome("scripted", "default", None, "small", "default")
    assert plan == Plan(CacheOutcome(Verdict.MISS, reason="not stored"), route, ())
    assert "".join(word.text for word in words) == answer.text == ANSWER
    assert all(isinstance(word, Delta) for word in words)
    assert isinstance(answer, Answer)
    assert (answer.finish_reason, answer.usage) == ("stop", TokenUsage(90, 7, 64))
    assert (answer.cache, answer.route, answer.degraded) == (plan.cache, plan.route, ())


async def test_the_model_is_given_what_was_found_and_the_question_last(bench):
    answer = await bench.ask()
    (prompt,) = bench.model.prompts
    assert prompt.messages[-1] == Message("user", QUESTION)
    assert "330 metres" in prompt.messages[0].content
    assert [prompt.messages[0].content.index(source.passage.text) for source in answer.sources] == sorted(
        prompt.messages[0].content.index(source.passage.text) for source in answer.sources
    ), "in the order of their markers"
    assert prompt.excerpts[0].text.startswith("The Eiffel Tower"), "best first"


async def test_questions_about_the_same_passages_have_one_prefix_and_tenants_a_salt_each(bench):
    for question in (QUESTION, "When was the Eiffel Tower in Paris opened to the public?"):
        await bench.ask(question, cache="no-store")
    first, second = bench.model.prompts
    assert first.prefix == second.prefix != ""
    assert first.cache_salt == second.cache_salt == Layout().salt_of(SPACE.tenant)


async def test_the_order_of_passages_and_the_salt_are_settings(scratch, model_folder, clock):
    prompt = {"order": "canonical", "cache_salt": False}
    async with opened(scratch, model_folder, clock, prompt=prompt) as bench:
        answer = await bench.ask()
        documents = [source.passage.document_id for source in answer.sources]
        assert documents == sorted(documents)
        assert bench.model.prompts[0].cache_salt == ""


async def test_a_marker_cites_its_source_and_one_that_names_none_cites_nothing(bench):
    answer = await bench.ask()
    (citation,) = answer.citations
    assert citation.marker == "[1]"
    assert citation.source == answer.sources[0].passage.id
    assert answer.text[citation.start : citation.end] == "It is 330 metres tall. [1]"


@pytest.mark.parametrize(
    ("text", "told", "answered"),
    [
        (ANSWER, None, True),
        (NOT_FOUND, None, False),
        (ANSWER, False, False),
        (NOT_FOUND, True, True),
    ],
    ids=["an answer", "what the model was told to say", "a back end that knows", "it knows better"],
)
async def test_whether_it_was_answered(bench, text, told, answered):
    bench.model.says(text, answered=told)
    assert (await bench.ask()).answered is answered


async def test_each_stage_is_timed_by_the_clock(bench):
    answer = await bench.ask()
    assert set(answer.timings_ms) == {"embed", "retrieve", "route", "generate", "total"}
    assert set(answer.timings_ms.values()) == {0.0}, "the clock of the test stands still"


async def test_a_stored_answer_is_served_without_any_other_stage(bench):
    first = await bench.ask()
    bench.parts["embedder"].fail("embed", DependencyFailed("not needed"))
    bench.clock.advance(7)
    plan, words, again = await bench.events(bench.request("  how tall is the EIFFEL tower"))
    assert plan.cache == CacheOutcome(Verdict.EXACT, 1.0, 7.0, "same question, nothing changed since")
    assert words == Delta(ANSWER)
    assert again == replace(first, cache=plan.cache, timings_ms={"total": 0.0})
    assert len(bench.model.prompts) == 1


async def test_every_answer_is_observed_once(bench):
    asks = [bench.request(), bench.request()]
    answers = [(await bench.events(ask))[-1] for ask in asks]
    assert bench.observed == list(zip(asks, answers, strict=True))


async def test_no_cache_computes_anew_and_stores(bench):
    assert await bench.verdict(cache="no-cache") == Verdict.BYPASS
    assert await bench.verdict() == Verdict.EXACT
    assert await bench.verdict(cache="no-cache") == Verdict.BYPASS
    assert len(bench.model.prompts) == 2


async def test_no_store_keeps_nothing(bench):
    assert await bench.verdict(cache="no-store") == Verdict.BYPASS
    assert await bench.verdict() == Verdict.MISS


async def test_only_a_stored_answer_will_do(bench):
    with pytest.raises(NotCached):
        await bench.ask(cache="only")
    assert not bench.model.prompts
    await bench.ask()
    assert await bench.verdict(cache="only") == Verdict.EXACT


async def test_an_answer_older_than_asked_for_is_computed_anew(bench):
    await bench.ask()
    bench.clock.advance(60)
    assert await bench.verdict(max_age_s=60) == Verdict.EXACT
    assert await bench.verdict(max_age_s=59) == Verdict.MISS
    assert await bench.verdict(max_age_s=59) == Verdict.EXACT, "it was stored again"


async def test_scopes_share_nothing(bench):
    await bench.ask()
    assert await bench.verdict(fingerprint="another") == Verdict.MISS


async def test_a_write_elsewhere_leaves_answers_as_they_are(bench):
    await bench.ask()
    await bench.service.writer.put(Space(ANONYMOUS.tenant, "another"), [Document("x", "Not of this collection.")])
    assert (await bench.ask()).cache.reason == "same question, nothing changed since"


async def test_after_a_write_that_changes_nothing_for_it_an_answer_is_served_and_renewed(bench):
    await bench.ask()
    await bench.service.writer.put(SPACE, [Document("x", "Of something else altogether.")])
    again = await bench.ask()
    assert (again.cache.verdict, again.cache.reason) == (Verdict.EXACT, "asks the same, and the evidence agrees")
    bench.parts["lexical"].fail("search", DependencyFailed("not needed"))
    assert (await bench.ask()).cache.reason == "same question, nothing changed since"


async def test_an_answer_goes_with_any_passage_that_it_was_written_from(bench):
    first = await bench.ask()
    uncited = next(s.passage.document_id for s in first.sources if s.passage.id != first.citations[0].source)
    await bench.service.writer.delete(SPACE, [uncited])
    assert await bench.verdict() == Verdict.MISS


async def test_an_answer_computed_before_a_write_is_checked_after_it(bench):
    async with aclosing(bench.service.pipeline.run(bench.request())) as events:
        await anext(events)
        await bench.service.writer.delete(SPACE, ["bread"])
        answer = [event async for event in events][-1]
    rested_on_it = "bread" in {source.passage.document_id for source in answer.sources}
    assert (await bench.verdict() == Verdict.MISS) is rested_on_it


REPHRASED = "Please tell me: how tall is the Eiffel Tower?"


async def test_a_similar_question_is_answered_without_a_model_and_with_one_retrieval(bench):
    first = await bench.ask()
    bench.clock.advance(7)
    plan, words, again = await bench.events(bench.request(REPHRASED))
    assert (plan.cache.verdict, plan.cache.age_s) == (Verdict.SEMANTIC, 7.0)
    assert 0.6 < plan.cache.similarity < 1
    assert words == Delta(ANSWER)
    assert again.citations == first.citations
    assert set(again.timings_ms) == {"embed", "retrieve", "total"}
    assert len(bench.model.prompts) == 1


async def test_a_question_that_asks_something_else_is_a_miss(bench):
    await bench.ask()
    answer = await bench.ask("How old is the Eiffel Tower?")
    assert answer.cache.verdict == Verdict.MISS
    assert len(bench.model.prompts) == 2


@pytest.mark.parametrize(("seam", "method"), [("embedder", "embed"), ("lexical", "search"), ("index:0", "search")])
async def test_without_whole_evidence_a_similar_question_is_a_miss(bench, seam, method):
    await bench.ask()
    bench.parts[seam].fail(method, DependencyFailed("it is down"))
    answer = await bench.ask(REPHRASED)
    assert answer.cache.verdict == Verdict.MISS
    assert answer.degraded


async def test_only_a_stored_answer_will_do_of_a_similar_question_too(bench):
    await bench.ask()
    assert await bench.verdict(REPHRASED, cache="only") == Verdict.SEMANTIC
    with pytest.raises(NotCached):
        await bench.ask("How old is the Eiffel Tower?", cache="only")


async def test_a_stored_answer_takes_no_part_in_how_long_answers_take(bench):
    await bench.ask()
    learnt = bench.service.admission.snapshot().latency_s
    bench.clock.advance(1)
    await bench.ask(REPHRASED)
    assert bench.service.admission.snapshot().latency_s == learnt


async def test_an_answer_without_a_citation_is_not_kept(bench):
    bench.model.says("It is 330 metres tall.")
    await bench.ask()
    assert await bench.verdict() == Verdict.MISS


@pytest.mark.parametrize(
    "said",
    [{"text": NOT_FOUND}, {"text": ANSWER, "answered": False}, {"text": ANSWER, "finish_reason": "length"}],
    ids=["not found", "not answered", "cut off"],
)
async def test_what_is_no_whole_answer_is_not_kept(bench, said):
    bench.model.says(said.pop("text"), **said)
    await bench.ask()
    assert await bench.verdict() == Verdict.MISS


@pytest.mark.parametrize(
    ("seam", "method", "label"),
    [
        ("embedder", "embed", "embedder-unavailable"),
        ("lexical", "search", "lexical-unavailable"),
        ("index:1", "search", "shards:1/2"),
    ],
)
async def test_a_part_that_fails_is_named_and_the_answer_not_kept(bench, seam, method, label):
    bench.parts[seam].fail(method, DependencyFailed("it is down"))
    plan, *_, answer = await bench.events(bench.request())
    assert plan.degraded == answer.degraded == (label,)
    bench.parts[seam].mend()
    assert await bench.verdict() == Verdict.MISS


async def test_an_error_of_a_part_that_cannot_be_done_without_ends_the_request(bench):
    bench.parts["store"].fail("passages", DependencyFailed("it is down"))
    with pytest.raises(DependencyFailed):
        await bench.ask()
    assert not bench.observed


async def test_a_follow_up_is_looked_for_with_what_it_refers_to_and_bypasses_the_cache(bench):
    turns = (QUESTION, "It is 330 metres tall.", "And when was it opened?")
    for _ in range(2):
        assert await bench.verdict(*turns) == Verdict.BYPASS
    prompt = bench.model.prompts[0]
    assert prompt.question == f"{QUESTION}\n{turns[-1]}"
    assert [message.content for message in prompt.messages[1:]] == list(turns)
    with pytest.raises(NotCached):
        await bench.ask(*turns, cache="only")


FOLLOW_UP = (QUESTION, "It is 330 metres tall.", "And when was it opened?")
REWRITTEN = "When was the Eiffel Tower opened?"


async def test_a_model_says_what_a_follow_up_asks_and_that_is_looked_for(scratch, model_folder, clock):
    models = {"small": "http://127.0.0.1:9/v1#small"}
    async with opened(scratch, model_folder, clock, models=models) as bench:
        bench.model.says(REWRITTEN)
        answer = await bench.ask(*FOLLOW_UP)
        rewriting, answering = bench.model.prompts
        assert "Last message: And when was it opened?" in rewriting.messages[-1].content
        assert answering.question == REWRITTEN
        assert answering.messages[-1] == Message("user", "And when was it opened?"), "the turn stays as it was asked"
        assert rewriting.cache_salt == answering.cache_salt != ""
        assert answer.degraded == ()
        assert "contextualize" in answer.timings_ms
        await bench.ask(QUESTION)
        assert len(bench.model.prompts) == 3, "a turn that stands alone is left as it is"


async def test_a_follow_up_that_no_model_could_word_says_so(scratch, model_folder, clock):
    models = {"small": "http://127.0.0.1:9/v1#small"}
    async with opened(scratch, model_folder, clock, models=models) as bench:
        bench.model.says(REWRITTEN, finish_reason="length")
        answer = await bench.ask(*FOLLOW_UP)
        assert answer.degraded == ("contextualize-skipped",)
        assert bench.model.prompts[1].question == f"{QUESTION}\n{FOLLOW_UP[-1]}"
        assert bench.service.guards.breakers()[0].name == "contextualize", "it has a breaker of its own"


async def test_a_turn_that_stands_alone_is_served_from_the_cache_in_any_conversation(bench):
    await bench.ask()
    assert await bench.verdict("What is a reef?", "A reef is a ridge.", QUESTION) == Verdict.EXACT


async def test_top_k_and_filters_reach_the_search(bench):
    assert len((await bench.ask(top_k=1)).sources) == 1
    answer = await bench.ask(filters={"language": "de"}, fingerprint="filtered")
    assert {source.passage.document_id for source in answer.sources} == {"bread"}


async def test_a_named_model_is_routed_to(bench):
    answer = await bench.ask("How tall is the Eiffel Tower in Paris?", model="large")
    assert (answer.route.model, answer.route.reason) == ("extractive", "requested")
    assert not bench.model.prompts


async def test_closing_the_request_closes_the_models_stream(bench):
    async with aclosing(bench.service.pipeline.run(bench.request(cache="no-store"))) as events:
        async for event in events:
            if isinstance(event, Delta):
                break
        assert bench.model.closed == 0
    assert bench.model.closed == 1
    assert not bench.observed


async def test_a_request_whose_time_has_passed_is_not_begun(bench):
    ask = bench.request()
    bench.clock.advance(31)
    with pytest.raises(DeadlineExceeded):
        await bench.events(ask)
    assert not bench.model.prompts
