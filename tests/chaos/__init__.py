"""Chaos: real processes, a seeded schedule of kills, and a checker that nothing is lost or doubled.

schedule     what is done when, from a seed
clips        the recordings that are sent, made from the bundled samples
door         a way by which a recording can be sent, and what its sender is told
doors        all of them: doors_waiting wait for the words, doors_folder write files
producer     sends them, and tells what was accepted
followers    SSE clients that leave and come back
stack        the processes
watch        what the processes' logs tell
disturb      performs the schedule; ambush does what needs recordings of its own
sayer        says something else of the channels again and again
mailbox      receives webhooks, and is away now and then
bounds       how much may be decoded again
tally        counts what is done
poison       plants what must end in the dead letters
reference    the transcripts of an undisturbed run
faulty       runs a service with a fault that the checker must find
powercut     what a power cut leaves of a folder
evidence     gathers what streams, store and servers hold at the end
history      all that was recorded, as data
checker      what is wrong with a history: check_versions, check_clients, check_remains,
             check_doors, check_channels, check_webhooks
settle       waits for a run's end
summary      the figures of a run, printed
run          all of it, in order
"""
