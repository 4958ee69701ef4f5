"""Mean field theory: signal and gradient of a network at initialization.

moments = fill_moments(network, fill, after=None)       # of the initializer, or NotApplicable
expectation = expected(network, batch, moments=moments)   # per layer, with a finite-width band
log_ratios(expectation, probe.read())                    # against telemetry

Networks of convolutions (with groups too), fully connected layers, activations, poolings, sums of independent
branches, concatenations, and batch norm in training; NotApplicable names the first thing that it does not know.
"""

from cnnlab.common.errors import NotApplicable as NotApplicable
from cnnlab.theory.agreement import by_depth as by_depth
from cnnlab.theory.agreement import curve_and_band as curve_and_band
from cnnlab.theory.agreement import log_ratios as log_ratios
from cnnlab.theory.expectation import Expectation as Expectation
from cnnlab.theory.expectation import Expected as Expected
from cnnlab.theory.expectation import expected as expected
from cnnlab.theory.weights import WeightMoments as WeightMoments
from cnnlab.theory.weights import fill_moments as fill_moments
