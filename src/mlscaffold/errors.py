"""What can go wrong: one class per thing that the user can do about it.

`str(error)` is the whole message: what happened, where, what was expected, what to do.
"""


class MlscaffoldError(Exception):
    """Base of every error that the command line turns into one message and exit code 2."""


class UnknownPattern(MlscaffoldError):
    """The name is no pattern; the message lists the near ones."""


class AntiPatternRefused(MlscaffoldError):
    """The name is an anti-pattern; the message says why and which patterns to use instead."""


class PatternNotStamped(MlscaffoldError):
    """The pattern is described in the catalogue but has no template yet."""


class AnswersInvalid(MlscaffoldError):
    """A flag, an answers file or a setting has a value that cannot be used."""


class AnswersMissing(MlscaffoldError):
    """Something must be asked and there is no terminal to ask on."""


class ModelUnreadable(MlscaffoldError):
    """A model file that onnxruntime cannot load or that has a signature we cannot serve."""


class DestinationNotEmpty(MlscaffoldError):
    """The destination holds files; nothing was written."""


class DestinationUnwritable(MlscaffoldError):
    """The destination cannot be written (permission, full disk, a path that leaves it)."""


class TemplateInvalid(MlscaffoldError):
    """A template does not render: two layers claim one path, an undefined name, an unsafe path."""


class ConfigInvalid(MlscaffoldError):
    """A configuration file or a lint option has a key or value that is not known."""


class RuleInvalid(MlscaffoldError):
    """A rule, its page or a catalogue entry cannot be loaded."""


class TargetUnreadable(MlscaffoldError):
    """The path to lint does not exist or cannot be read at all."""
