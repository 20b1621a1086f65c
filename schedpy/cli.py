"""What does the ``schedpy`` command say while there is nothing behind it yet?"""

from ugrpy.service.shell import make_shell

NOTICE = """\
schedpy is the part that will be the cloud scheduler: it looks at batch queues, boots and
retires VMs on clouds so that jobs run, and says why they do not. It will replace Cloud
Scheduler v1 and csv2.

This release carries only the shell of the command: nothing is served and nothing is changed.
Until it carries more, keep your Cloud Scheduler."""

main = make_shell("schedpy", NOTICE)
