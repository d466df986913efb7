"""What learners move. Of each widget the Python, the JavaScript and the style lie side by side.

`widget` is what all of them share, `panel` what the explorers do, `moving` what the pictures do that
move without Python; a lesson takes them from
`lrcourse` itself, where each is loaded on first use.
"""
