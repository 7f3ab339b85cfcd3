// SPDX-License-Identifier: GPL-2.0-only
/* For spin.c. */
void spin(unsigned long turns);

void spin(unsigned long turns)
{
	for (volatile unsigned long i = 0; i < turns; i++)
		;
}
