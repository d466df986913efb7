"""Grading submissions: `lrcourse grade SUBMISSIONS -o RESULTS`.

sandbox      what untrusted code may see and use, and why there may be no sandbox
worker       the process inside, forked anew for each submission
sessions     the trusted end of it, which believes nothing that comes back
notebooks    what a submitted notebook holds, read as text
submissions  who handed in what: folders and files as platforms name them
crew         several workers side by side, and how they stop
names        made fit to be shown and to name a file
files        written in one piece, by one grader at a time
grade        draws arguments, compares, keeps the marks
report       grades.csv, feedback pages, the summary
pages        their frame, and the picture of yours beside what is expected
provisioner  the same sandbox as a Jupyter kernel, for nbgrader
"""
