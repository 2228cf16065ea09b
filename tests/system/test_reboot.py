"""Stories in which the machine goes down, or the service is replaced, in the middle. Each has a phase before and one
after; `run` does what lies between from outside."""

from collections import namedtuple

Story = namedtuple('Story', 'name before action after')

STORIES = []
