from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.training import corpora, noise
from services.router.training.design import rows, vocabulary
from services.router.training.regression import fit
from services.router.training.written import Fillings, read

NEEDS_SETS = pytest.mark.skipif(
    not corpora.data_folder().is_dir(),
    reason="no labelled prompts in NI_DATA; UncommonRoute (CommonstackAI) and human-eval (OpenAI) are on GitHub",
)


def test_a_regression_learns_what_words_tell_apart() -> None:
    texts = [
        f"{verb} the {thing}" for verb in ("sum", "sing") for thing in ("list", "song", "row", "air") for _ in "ab"
    ]
    terms = vocabulary(texts, least=1)
    wanted = np.repeat(np.eye(2, dtype=np.float32), len(texts) // 2, axis=0)
    every = rows(texts, terms)
    fitted = fit(every, wanted, np.ones(len(texts), np.float32), strength=1.0, steps=30, dense=False)
    assert (fitted.say(every).argmax(axis=1) == wanted.argmax(axis=1)).all()
    assert fitted.say(rows(["sing the unheard"], terms)).argmax() == 1


def test_the_same_examples_give_the_same_weights() -> None:
    texts = ["add one", "sing one", "add two", "sing two"]
    every = rows(texts, vocabulary(texts, least=1))
    wanted = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    one, other = (
        fit(every, wanted, np.ones(4, np.float32), strength=1.0, steps=20, dense=True).terms for _ in range(2)
    )
    assert (one == other).all()


@given(st.text(max_size=400), st.integers(0, 50), st.floats(0.0, 0.1))
def test_slips_change_little_and_never_fail(text: str, seed: int, share: float) -> None:
    hurt = noise.slip(text, Random(seed), share)
    assert abs(len(hurt) - len(text)) <= 2 * max(1, round(len(text) * share))


def test_every_slot_of_our_prompts_can_be_filled() -> None:
    fill = Fillings(Random(0))
    for name, language in (("english", "en"), ("french", "fr")):
        for one in read(name):
            assert "{T" not in fill.fill(one.text, language)


def test_there_are_six_hundred_french_prompts_and_a_part_of_them_is_kept_apart() -> None:
    learnt, apart = ({one.text for one in read(name)} for name in ("french", "french_dev"))
    assert len(learnt | apart) >= 600
    assert not learnt & apart


@NEEDS_SETS
def test_text_that_scores_are_taken_on_is_known_again_in_another_wrapping() -> None:
    apart = corpora.KeptApart()
    prompt = corpora.read("tasks/humaneval")[0]["prompt"]
    assert apart.has(prompt)
    assert apart.has(prompt.upper() + "\n\n")
    assert not apart.has("a prompt that nobody has written before")


@NEEDS_SETS
def test_the_benchmarks_that_are_kept_apart_are_no_part_of_the_results() -> None:
    benchmarks = {"human_eval", "mbpp"}
    banned = {row["prompt"] for row in corpora.read("perf/llmrouter_train") if row["task_name"] in benchmarks}
    used = {one.text for one in corpora.results(Random(0), 100)}
    assert used
    assert banned
    assert not used & banned
