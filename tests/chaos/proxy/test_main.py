import subprocess
import sys


def test_it_helps():
    command = [sys.executable, "-m", "chaos.proxy", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert "--beyond-loopback" in done.stdout
    assert "python -m chaos.proxy" in done.stdout


def test_it_loads_no_model_and_no_service():
    program = "import sys, chaos.proxy.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    loaded = set(done.stdout.split())
    assert "chaos.proxy.server" in loaded
    assert not loaded & {"numpy", "onnxruntime", "fastapi", "rag.compose"}
