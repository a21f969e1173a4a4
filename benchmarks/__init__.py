"""Speed, measured: each module prints JSON lines, a plain reference beside ours in the same run."""
