"""Makes up schedules, and says when they are due by python-dateutil, which the original's schedules are reckoned with.

    python rules.py SEED COUNT INSTANTS

One JSON object a line: what a schedule was given (`rrule`, or `recurrence`, `count`, `weekdays`; `since`, `until`), an
instant `from`, and the first instants from then on, `due`. All are in UTC. `is_zoned` tells rules with a time zone.
"""
import itertools
import json
import random
import signal
import sys
import warnings
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil import rrule

# As many as the original looks through.
SEARCHED = 100_000
# The year in which what is known of time zones ends.
END = 2100
# Seconds that looking for the instants of a rule may take: one that is never due is looked through to the year 9999.
PATIENCE = 2
UNITS = {
    "sec": rrule.SECONDLY, "second": rrule.SECONDLY, "min": rrule.MINUTELY, "minutes": rrule.MINUTELY,
    "h": rrule.HOURLY, "hours": rrule.HOURLY, "d": rrule.DAILY, "days": rrule.DAILY, "w": rrule.WEEKLY,
    "weeks": rrule.WEEKLY, "mo": rrule.MONTHLY, "months": rrule.MONTHLY, "y": rrule.YEARLY, "years": rrule.YEARLY,
}
FREQUENCIES = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
# How far apart an instant to look from and the beginning are, in days: what is frequent is not counted for years.
REACH = {"YEARLY": 4000, "MONTHLY": 2000, "WEEKLY": 1500, "DAILY": 900, "HOURLY": 60, "MINUTELY": 3, "SECONDLY": 0.1}
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
# With clocks that change in both halves of the year, by half an hour, and not at all.
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Cairo"]
# Days that not every month or year has.
CORNERS = [datetime(2032, 2, 29, 12, 0), datetime(2030, 1, 31, 9, 30), datetime(2030, 12, 31, 23, 59, 59)]
# Shortly before hours that are not there or come twice.
CHANGES = [
    ("Europe/Berlin", datetime(2030, 3, 29, 2, 30)), ("Europe/Berlin", datetime(2030, 10, 25, 2, 30)),
    ("America/New_York", datetime(2030, 3, 8, 2, 15)), ("America/New_York", datetime(2030, 11, 1, 1, 45)),
    ("Australia/Lord_Howe", datetime(2030, 10, 4, 2, 10)), ("Australia/Lord_Howe", datetime(2030, 4, 5, 1, 40)),
]


def some(random, values, most=3):
    values = list(values)
    return random.sample(values, random.randint(1, min(most, len(values))))


def beginning(random):
    if random.random() < 0.3:
        return random.choice(CORNERS)
    return datetime(2028, 1, 1) + timedelta(seconds=random.randrange(4 * 365 * 86400))


def ical(instant):
    return instant.strftime("%Y%m%dT%H%M%S")


def parts(random, frequency):
    """Parts of a rule that RFC 5545 allows together."""
    found = {}
    if random.random() < 0.5:
        found["INTERVAL"] = random.choice([1, 2, 3, 5, 7, 13])
    place = lambda: random.choice(["", "", "1", "2", "-1", "-2"]) if frequency in ("MONTHLY", "YEARLY") else ""
    if frequency == "SECONDLY":
        return found
    if random.random() < 0.35:
        found["BYDAY"] = ",".join(place() + day for day in some(random, DAYS))
    if frequency == "MINUTELY":
        return found
    if random.random() < 0.25:
        found["BYMONTH"] = ",".join(map(str, some(random, range(1, 13))))
    if frequency != "WEEKLY" and random.random() < 0.2:
        found["BYMONTHDAY"] = ",".join(map(str, some(random, [1, 2, 13, 15, 28, 29, 30, 31, -1, -2, -7])))
    if frequency == "YEARLY" and "BYMONTHDAY" not in found and random.random() < 0.15:
        found["BYYEARDAY"] = ",".join(map(str, some(random, [1, 60, 100, 200, 365, 366, -1, -100])))
    if frequency == "YEARLY" and not found.keys() & {"BYMONTHDAY", "BYYEARDAY", "BYMONTH"} and random.random() < 0.2:
        found["BYWEEKNO"] = ",".join(map(str, some(random, [1, 2, 20, 40, 52, 53, -1])))
        found["BYDAY"] = ",".join(some(random, DAYS))
    if frequency not in ("HOURLY", "MINUTELY", "SECONDLY") and random.random() < 0.2:
        found["BYHOUR"] = ",".join(map(str, some(random, range(24))))
    if frequency not in ("MINUTELY", "SECONDLY") and random.random() < 0.2:
        found["BYMINUTE"] = ",".join(map(str, some(random, range(0, 60, 5))))
    if found.keys() & {"BYDAY", "BYMONTHDAY", "BYHOUR", "BYMINUTE"} and random.random() < 0.2:
        found["BYSETPOS"] = random.choice([1, 2, -1])
    if random.random() < 0.15:
        found["WKST"] = random.choice(["SU", "MO", "TH"])
    return found


def calendar_rule(random):
    """A rule of RFC 5545."""
    frequency = random.choice(FREQUENCIES)
    since = beginning(random)
    reach = timedelta(days=REACH[frequency])
    found = {"FREQ": frequency, **parts(random, frequency)}
    given = {"since": since, "until": None}
    ends = random.random()
    if ends < 0.2:
        found["COUNT"] = random.randint(1, 40)
    elif ends < 0.35:
        found["UNTIL"] = ical(since + reach * random.random())
    elif ends < 0.5:
        given["until"] = since + reach * random.random()
    line = "RRULE:" + ";".join(f"{name}={value}" for name, value in found.items())
    rule = rrule.rrulestr(line, dtstart=since)
    if given["until"]:
        rule._until = given["until"]
    # The original takes a rule alone, without its name as well.
    given["rrule"] = line if random.random() < 0.7 else line.removeprefix("RRULE:")
    return given, rule, reach


def calendar_set(random):
    """A rule with days that are left out or added, or a second rule."""
    frequency = random.choice(FREQUENCIES[:4])
    since = beginning(random).replace(microsecond=0)
    lines = ["RRULE:FREQ=" + frequency]
    if random.random() < 0.5:
        lines.append("RRULE:FREQ=WEEKLY;BYDAY=" + ",".join(some(random, DAYS)))
    first = list(itertools.islice(rrule.rrulestr(lines[0], dtstart=since), 8))
    if random.random() < 0.7:
        lines.append("EXDATE:" + ",".join(map(ical, some(random, first))))
    if random.random() < 0.7:
        lines.append("RDATE:" + ",".join(ical(one + timedelta(hours=5)) for one in some(random, first)))
    text = "\n".join(lines)
    return {"since": since, "until": None, "rrule": text}, rrule.rrulestr(text, dtstart=since, forceset=True), timedelta(50)


def zoned_rule(random):
    """A rule that brings a time zone of its own."""
    frequency = random.choice(FREQUENCIES[:4])
    since, zone = beginning(random), random.choice(ZONES)
    found = {"FREQ": frequency, **parts(random, frequency)}
    if random.random() < 0.4:
        zone, since = random.choice(CHANGES)
        since += timedelta(minutes=random.randrange(-90, 90))
        found = {"FREQ": random.choice(["DAILY", "WEEKLY"]), "BYDAY": "SA,SU,MO"}
    if random.random() < 0.2:
        found["COUNT"] = random.randint(1, 40)
    line = "RRULE:" + ";".join(f"{name}={value}" for name, value in found.items())
    text = f"DTSTART;TZID={zone}:{ical(since)}\n{line}"
    rule = rrule.rrulestr(text, tzids=ZoneInfo)
    return {"since": since, "until": None, "rrule": text}, rule, timedelta(days=REACH[frequency])


def plain_words(random):
    """A number of units, on days of the week."""
    unit = random.choice(list(UNITS))
    frequency = UNITS[unit]
    interval, since = random.choice([1, 1, 2, 3, 4, 6, 10, 45]), beginning(random)
    reach = timedelta(days=REACH[FREQUENCIES[frequency]])
    count = random.randint(1, 40) if random.random() < 0.4 else None
    until = since + reach * random.random() if random.random() < 0.3 else None
    rule, days = dict(freq=frequency, interval=interval, dtstart=since, until=until), None
    if random.random() < 0.5:
        places = ["", "1", "2", "3", "4", "L-"] if frequency <= rrule.MONTHLY else [""]
        days = [random.choice(places) + day for day in some(random, DAYS)]
    given = {"recurrence": f"{interval}{random.choice(['', ' '])}{unit}", "count": count, "weekdays": days,
             "since": since, "until": until}
    if not days:
        return given, rrule.rrule(count=count, **rule), reach
    whole = rrule.rruleset()
    for day in days:
        place = {"": None, "L-": -1}.get(day[:-2], day[:-2])
        whole.rrule(rrule.rrule(byweekday=getattr(rrule, day[-2:]), bysetpos=place and int(place), **rule))
    return given, itertools.islice(whole, count), reach


def due(rule, begin, most):
    """The first instants from `begin` on, in UTC; `None` when it takes too long to find them."""
    def instants():
        for instant in itertools.islice(rule, SEARCHED):
            instant = instant.astimezone(timezone.utc).replace(tzinfo=None) if instant.tzinfo else instant
            if instant.year >= END:
                return
            yield instant
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return list(itertools.islice((instant for instant in instants() if instant >= begin), most))
    except TimeoutError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def stop(*_):
    raise TimeoutError


def main(seed, count, most):
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, stop)
    chance = random.Random(seed)
    for number in range(count):
        make = chance.choice([plain_words, plain_words, calendar_rule, calendar_rule, calendar_rule, zoned_rule, calendar_set])
        given, rule, reach = make(chance)
        begin = given["since"] + reach * chance.choice([-1, 0, 0, chance.random() / 2, chance.random() / 2])
        begin = begin.replace(microsecond=0)
        found = due(rule, begin, most)
        if found is None:
            continue
        shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}
        shown.update({"from": begin.isoformat(), "due": [one.isoformat() for one in found],
                      "is_zoned": make is zoned_rule})
        print(json.dumps(shown))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
