"""Grading submissions: `lrcourse grade SUBMISSIONS -o RESULTS`.

sandbox      what untrusted code may see and use, and why there may be no sandbox
worker       the process inside, forked anew for each submission
sessions     the trusted end of it, which believes nothing that comes back
notebooks    what a submitted file holds, read as text
installs     lines that install packages, which are skipped
written      written answers, found where people put them
layout       which folders hold people: decided once for the class
submissions  who handed in what: folders and files as platforms name them
crew         several workers side by side, and how they stop
names        made fit to be shown and to name a file
files        written in one piece, by one grader at a time
selfcheck    a learner's own dry run: `--self`, `lrcourse.hand_in()`
grade        draws arguments, compares, keeps the marks
roster       the people of the class, and which of them handed in what
tables       grades.csv, and what Canvas and Moodle import
learners     the class: each person with what they handed in
byhand       marks that a person gives
analysis     what the marks of a sheet say of the class
report       feedback pages, the summary, and all files of the results
pages        their templates, and the picture of yours beside what is expected
provisioner  the same sandbox as a Jupyter kernel, for nbgrader
"""
