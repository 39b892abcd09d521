/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_TIME_H
#define _LINUX_TIME_H
#include <linux/time64.h>

struct tm {
	int tm_sec;
	int tm_min;
	int tm_hour;
	int tm_mday;
	int tm_mon;
	long tm_year;
	int tm_wday;
	int tm_yday;
};

/* Days since March 1st of year 0: a leap day ends such a year, and 400 of them always have as many days. */
#define __DAYS_TO_1970 719468
#define __DAYS_IN_400 146097

static inline bool __is_leap(long year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* Date and time of day of seconds since 1970; `offset` seconds more. */
static __maybe_unused noinline void time64_to_tm(time64_t seconds, int offset, struct tm *tm)
{
	long long all = seconds + offset, days = all / 86400, left = all % 86400, era, year, month;

	if (left < 0) {
		left += 86400;
		days--;
	}
	tm->tm_hour = left / 3600;
	tm->tm_min = left / 60 % 60;
	tm->tm_sec = left % 60;
	tm->tm_wday = ((days + 4) % 7 + 7) % 7;
	days += __DAYS_TO_1970;
	era = (days >= 0 ? days : days - (__DAYS_IN_400 - 1)) / __DAYS_IN_400;
	days -= era * __DAYS_IN_400;
	year = (days - days / 1460 + days / 36524 - days / (__DAYS_IN_400 - 1)) / 365;
	days -= 365 * year + year / 4 - year / 100;
	/* Months of 31 and 30 days by turns, but for July and August: 153 days in five. */
	month = (5 * days + 2) / 153;
	tm->tm_mday = days - (153 * month + 2) / 5 + 1;
	year += 400 * era;
	if (month < 10) {
		tm->tm_mon = month + 2;
		tm->tm_yday = days + 59 + __is_leap(year);
	} else {
		tm->tm_mon = month - 10;
		year++;
		tm->tm_yday = days - 306;
	}
	tm->tm_year = year - 1900;
}
/* The other way. */
static __maybe_unused noinline time64_t mktime64(unsigned int year0, unsigned int month0, unsigned int day,
						 unsigned int hour, unsigned int minute, unsigned int second)
{
	long long month = month0 > 2 ? month0 - 3 : month0 + 9, year = month0 > 2 ? year0 : year0 - 1;
	long long days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;

	return ((days - __DAYS_TO_1970) * 24 + hour) * 3600LL + minute * 60 + second;
}

#endif
