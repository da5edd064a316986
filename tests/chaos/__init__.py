"""Chaos: real processes, a seeded schedule of kills, and a checker that nothing is lost or doubled.

schedule     what is done when, from a seed
clips        the recordings that are sent, made from the bundled samples
doors        the ways by which a recording can be sent
producer     sends them, and tells what was accepted
followers    SSE clients that leave and come back
stack        the processes
watch        what the processes' logs tell
disturb      performs the schedule; ambush does what needs recordings of its own
tally        counts what is done
poison       plants what must end in the dead letters
reference    the transcripts of an undisturbed run
faulty       runs a service with a fault that the checker must find
powercut     what a power cut leaves of a folder
evidence     gathers what streams, store and servers hold at the end
history      all that was recorded, as data
checker      what is wrong with a history: check_versions, check_clients, check_remains
settle       waits for a run's end
summary      the figures of a run, printed
run          all of it, in order
"""
