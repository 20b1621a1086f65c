"""glintpy: which image belongs on which cloud, and is it there?

The job is the distribution of VM images: one matrix of images and clouds, and the work to make the clouds match it,
make images small and contextualise them. It replaces Glint (v1 and v2), cloudkeeper, the image transfer of csv2 and
the MicroCernVM tooling. So far only the command's shell is here.
"""
