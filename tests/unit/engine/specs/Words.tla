---- MODULE Words ----
Zero == 0
Two == 2
====
