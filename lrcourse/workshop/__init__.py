"""`lrcourse workshop`: a room of learners on one machine, from one command.

keeper      starts the room, restarts what dies, ends all of it
room        the room's folder: its settings, secrets, who has which account
machine     what will not work on this machine, said beforehand
walls       what keeps learners apart: an account each, or namespaces
warm        a process that has imported what is slow, and forks for every learner
server      what a fork does to become a learner's JupyterLab
kernel      what a fork does to become a kernel
provisioner asks for a kernel          spawner    asks for a server
hub         JupyterHub's settings      pins       who may log in
join        the page that is projected while learners come in
limits      memory and disk of each learner
board       what the instructor sees of the room, and does to it
"""
