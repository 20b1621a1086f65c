"""What does the ``glintpy`` command say while there is nothing behind it yet?"""

from ugrpy.service.shell import make_shell

NOTICE = """\
glintpy is the part that will be the distribution of VM images: one matrix of images and clouds,
and the work to make the clouds match it, make images small and contextualise them. It will
replace Glint (v1 and v2), cloudkeeper, the image transfer of csv2 and the MicroCernVM tooling.

This release carries only the shell of the command: nothing is served and nothing is changed.
Until it carries more, keep your Glint."""

main = make_shell("glintpy", NOTICE)
