"""What keeps one measurement from being made, and not the others."""


class CannotMeasure(Exception):
    pass
