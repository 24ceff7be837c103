"""Views made from a trace: each module builds one part of the document."""
