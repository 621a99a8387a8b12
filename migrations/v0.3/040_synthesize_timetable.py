#!/usr/bin/env python3
"""Gives every running tuition its weekly hours in the timetable.

Greedy and deterministic: tuitions by id, each hour on the first day and hour
that is free for teacher and student, no day twice for one tuition. Writes one
transaction that replaces the whole timetable, so running it again is harmless.
"""

import csv
import io
import os
import subprocess
import sys

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat"]
HOURS = range(8, 20)


def psql(*arguments, script=None):
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", os.environ["PGCYCLE_DB_URL"]]
    result = subprocess.run(command + list(arguments), input=script, text=True, stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(result.returncode)
    return result.stdout


def read_tuitions():
    query = """SELECT id, teacher_id, student_id, weekly_hours FROM tuitions
               WHERE status IN ('active', 'trial') ORDER BY id"""
    return list(csv.DictReader(io.StringIO(psql("--csv", "-c", query))))


def synthesize(tuitions):
    taken = set()
    slots = []
    unplaced = 0
    for tuition in tuitions:
        teacher, student = "t" + tuition["teacher_id"], "s" + tuition["student_id"]
        first_day = int(tuition["teacher_id"]) % len(DAYS)
        days = DAYS[first_day:] + DAYS[:first_day]
        left = int(tuition["weekly_hours"])
        for day in days:
            for hour in HOURS:
                if left == 0 or {(teacher, day, hour), (student, day, hour)} & taken:
                    continue
                taken |= {(teacher, day, hour), (student, day, hour)}
                slots.append((tuition["id"], tuition["teacher_id"], tuition["student_id"], day, hour))
                left -= 1
                break
        unplaced += left
    return slots, unplaced


def main():
    slots, unplaced = synthesize(read_tuitions())
    script = ["BEGIN;", "TRUNCATE timetable_slots RESTART IDENTITY;",
              "COPY timetable_slots (tuition_id, teacher_id, student_id, day, hour) FROM STDIN;"]
    script += ["\t".join(map(str, slot)) for slot in slots]
    script += ["\\.", "COMMIT;", ""]
    psql(script="\n".join(script))
    print(f"{len(slots)} hours placed, {unplaced} found no place")
    if unplaced:
        sys.exit("the timetable is full: some hours found no place")


main()
