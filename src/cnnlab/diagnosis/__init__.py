"""Diagnosis of a run: what keeps a network from learning, what to fix first, and how.

`diagnose(history, context)` reads the logged steps (the rows of metrics.jsonl), at any time during a run. Each rule is
a function of an `Evidence`, next to its thresholds and their calibration, and listed in its module's RULES:

symmetry, dead units               units.py        vanishing, exploding, saturation    signal.py
updates, learning, overfitting     learning.py     the first NaN                       nonfinite.py

What may have caused a finding is judged apart from it, in `causes/`: each cause collects clues for and against itself.
"""

from cnnlab.diagnosis.context import Context as Context
from cnnlab.diagnosis.finding import Cause as Cause
from cnnlab.diagnosis.finding import Clue as Clue
from cnnlab.diagnosis.finding import Finding as Finding
from cnnlab.diagnosis.finding import flat as flat
from cnnlab.diagnosis.remedies import Remedy as Remedy
from cnnlab.diagnosis.rules import Diagnosis as Diagnosis
from cnnlab.diagnosis.rules import diagnose as diagnose
from cnnlab.diagnosis.rules import verdict as verdict
