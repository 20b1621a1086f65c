"""schedpy: which VMs should run where, so that the waiting jobs run?

The job is the cloud scheduler: it looks at batch queues, boots and retires VMs on clouds so that jobs run, and says
why they do not. It replaces Cloud Scheduler v1 and csv2. So far only the command's shell is here.
"""
