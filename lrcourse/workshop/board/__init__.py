"""The board: what the instructor sees of the room, and does to it. For instructors only.

looking     reads a learner's memory from outside: carefully, it is the learner's own file
tally       what is remembered, counted: votes, exercises, who is stuck
presence    who is on, and in which notebook
acting      open an answer, speak to all, collect exercises, hand back what was marked
__main__    the web server: a page, and a stream of events
"""
