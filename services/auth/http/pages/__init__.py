"""The pages that people see: plain HTML that works without scripts, one module for each page.

`Site.page` does what all of them need: it finds who is signed in, takes no form that another site or another browser
made, shows errors as pages, and adds the headers. A page has a dataclass with what it calls of the domain, `routes`, a
template of the same name in `templates/`, and its line in `wiring/pages.py`. It answers a form by a redirect (303), or
by the form with what is wrong with it. `static/` is served under names with the content's hash.
"""
