"""What preflight says of a run that goes, but not as it could."""

import pytest

from honesty_utils.workflow import params as params_file, preflight

FLAGS = "processor\t: 0\nflags\t\t: fpu avx512f{more} fma\n"


@pytest.mark.parametrize(
    "dtype, cpu, slow",
    [
        ("bfloat16", FLAGS.format(more=""), True),
        ("bfloat16", FLAGS.format(more=" avx512_bf16"), False),
        ("bfloat16", FLAGS.format(more=" amx_bf16"), False),
        ("bfloat16", "processor\t: 0\nFeatures\t: fp asimd bf16\n", False),
        ("bfloat16", "processor\t: 0\n", False),
        ("float32", FLAGS.format(more=""), False),
    ],
)
def test_a_number_type_that_the_processor_imitates_is_told(dtype, cpu, slow, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "cpuinfo").write_text(cpu)
    params = params_file.load("params/smollm2-135m.yaml")
    params = params.model_copy(update={"model": params.model.model_copy(update={"dtype": dtype})})
    told = preflight.slow_numbers(params, tmp_path / "cpuinfo")
    assert (told is not None) == slow and (not slow or "float32" in told)
    assert preflight.slow_numbers(params, tmp_path / "none") is None
