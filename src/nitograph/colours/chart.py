"""A chart of real threads: colours of DMC's stranded cotton by number, name and approximate colour on a
screen.

Entered by hand from the table of numbers, names and sRGB values that stitchers have long passed around.
Screens and dye lots differ, and no list on a screen replaces a card of real threads: take these as a start.
DMC has nothing to do with this project. Threads for sewing machines have charts of their own; a colour near
by will do.

Try it: python -c "from nitograph.colours.chart import numbered; print(numbered('321'))"
"""

from nitograph.colours.layers import Colour

NAME = "DMC"

_THREADS = """
Blanc White fcfbf8 | 3865 Winter White f9f7f1 | 712 Cream fffbef | Ecru f0eada
762 Pearl Gray Very Light ececec | 415 Pearl Gray d3d3d6 | 318 Steel Gray Light ababab
414 Steel Gray Dark 8c8c8c | 317 Pewter Gray 6c6c6c | 413 Pewter Gray Dark 565656
3799 Pewter Gray Very Dark 424242 | 310 Black 000000 | 3371 Black Brown 1e1108
938 Coffee Brown Ultra Dark 361f0e | 898 Coffee Brown Very Dark 492a13 | 801 Coffee Brown Dark 653919
433 Brown Medium 7a451f | 434 Brown Light 985e33 | 435 Brown Very Light b87748 | 436 Tan cb9051
437 Tan Light e4bb8e | 738 Tan Very Light eccc9e | 739 Tan Ultra Very Light f8e4c8
839 Beige Brown Dark 675541 | 840 Beige Brown Medium 9a7c5c | 841 Beige Brown Light b69b7e
842 Beige Brown Very Light d1baa1 | 632 Desert Sand Ultra Very Dark 875539 | 3773 Desert Sand Dark b67552
3064 Desert Sand c48e70 | 950 Desert Sand Light eed3c4 | 945 Tawny fbd5bb | 951 Tawny Light ffe2cf
355 Terra Cotta Dark 984436 | 356 Terra Cotta Medium c56a5b | 3778 Terra Cotta Light d98978
758 Terra Cotta Very Light eeaa9b | 754 Peach Light f7cbbf | 948 Peach Very Light fee7da
300 Mahogany Very Dark 6f2f00 | 400 Mahogany Dark 8f430f | 301 Mahogany Medium b35f2b
402 Mahogany Very Light f7a777 | 918 Red Copper Dark 82340a | 920 Copper Medium ac5414 | 921 Copper c66218
922 Copper Light e27323 | 975 Golden Brown Dark 914f12 | 976 Golden Brown Medium c28142
977 Golden Brown Light dc9c56 | 3827 Golden Brown Pale f7bb77 | 782 Topaz Dark ae7720
783 Topaz Medium ce9124 | 680 Old Gold Dark bc8d0e | 729 Old Gold Medium d0a53e | 676 Old Gold Light e5ce97
677 Old Gold Very Light f5eccb | 307 Lemon fded54 | 973 Canary Bright ffe300 | 444 Lemon Dark ffd600
725 Topaz Medium Light ffc840 | 972 Canary Deep ffb515 | 743 Yellow Medium fed376 | 744 Yellow Pale ffe793
742 Tangerine Light ffbf57 | 741 Tangerine Medium ffa32b | 740 Tangerine ff8b00 | 971 Pumpkin f67f00
947 Burnt Orange ff7b4d | 946 Burnt Orange Medium eb6307 | 900 Burnt Orange Dark d15807
608 Burnt Orange Bright fd5d35 | 606 Orange Red Bright fa3203 | 666 Red Bright e31d42 | 321 Red c72b3b
304 Red Medium b71f33 | 498 Red Dark a7132b | 815 Garnet Medium 87071f | 902 Garnet Very Dark 822637
349 Coral Dark d21035 | 350 Coral Medium e04848 | 351 Coral e96a67 | 352 Coral Light fd9c97
600 Cranberry Very Dark cd2f63 | 602 Cranberry Medium e24874 | 604 Cranberry Light ffb0be
605 Cranberry Very Light ffc0cd | 718 Plum 9c2462 | 915 Plum Dark 820043 | 3607 Plum Light c54989
3609 Plum Ultra Light f4aed5 | 550 Violet Very Dark 5c184e | 552 Violet Medium 803a6b
553 Violet a3638b | 554 Violet Light dbb3cb
208 Lavender Very Dark 835b8b | 209 Lavender Dark a37ba7 | 211 Lavender Light e3cbe3
333 Blue Violet Very Dark 5c5478 | 3746 Blue Violet Dark 776b98 | 340 Blue Violet Medium ada7c7
791 Cornflower Blue Very Dark 464563 | 793 Cornflower Blue Medium 707da2
794 Cornflower Blue Light 8f9cc1 | 820 Royal Blue Very Dark 0e365c | 796 Royal Blue Dark 11416d
797 Royal Blue 13477d | 798 Delft Blue Dark 466a8e | 799 Delft Blue Medium 748eb6
800 Delft Blue Pale c0ccde
939 Navy Blue Very Dark 1b2853 | 823 Navy Blue Dark 213063 | 336 Navy Blue 253b73
312 Baby Blue Very Dark 35668b | 322 Baby Blue Dark 5a8fb8 | 334 Baby Blue Medium 739fc1
3325 Baby Blue Light b8d2e6 | 775 Baby Blue Very Light d9ebf1 | 995 Electric Blue Dark 2696b6
996 Electric Blue Medium 30c2ec | 3844 Turquoise Bright Dark 12aeba | 3846 Turquoise Bright Light 06e3e6
930 Antique Blue Dark 455c71 | 931 Antique Blue Medium 6a859e | 932 Antique Blue Light a2b5c6
517 Wedgwood Dark 3b768f | 518 Wedgwood Light 4f93a7 | 519 Sky Blue 7eb1c8 | 597 Turquoise 5ba3b3
598 Turquoise Light 90c3cc | 924 Gray Green Very Dark 566a6a | 926 Gray Green Medium 98aeae
943 Green Bright Medium 3d9384 | 958 Sea Green Dark 3eb6a1 | 964 Sea Green Light a9e2d8
500 Blue Green Very Dark 044d33 | 501 Blue Green Dark 396f52 | 503 Blue Green Medium 7bac94
909 Emerald Green Very Dark 156f49 | 911 Emerald Green Medium 189065 | 913 Nile Green Medium 6dab77
319 Pistachio Green Very Dark 205f2e | 367 Pistachio Green Dark 617a52 | 368 Pistachio Green Light a6c298
699 Green 056517 | 700 Green Bright 07731b | 701 Green Light 3f8f29 | 702 Kelly Green 47a72f
703 Chartreuse 7bb547 | 704 Chartreuse Bright 9ecf34 | 907 Parrot Green Light c7e666
905 Parrot Green Dark 628a28 | 895 Hunter Green Very Dark 1b5300 | 986 Forest Green Very Dark 405230
988 Forest Green Medium 738b5b | 936 Avocado Green Very Dark 4c5826 | 470 Avocado Green Light 94ab4f
472 Avocado Green Ultra Light d8e498 | 730 Olive Green Very Dark 827b30 | 733 Olive Green Medium bcb34c
"""


def _read(text: str) -> tuple[Colour, ...]:
    entries = [entry.rpartition(" ") for line in text.strip().splitlines() for entry in line.split(" | ")]
    return tuple(Colour(f"{NAME} {name}", f"#{value}", NAME) for name, _, value in entries)


CHART = _read(_THREADS)
"""Every colour of the chart."""


def numbered(number: str) -> Colour | None:
    """The thread of that number, in capitals or not; None if the chart has none."""
    wanted = number.strip().lower()
    return next((thread for thread in CHART if thread.name.split()[1].lower() == wanted), None)
