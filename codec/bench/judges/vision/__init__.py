"""What classic computer vision still sees in a decoded picture: edges, keypoints, lines, regions.

Each file has one measure, or two of the same keypoints, as judges; judges.py has them all. Original and decoded
lie on one another, so the true homography is the identity: what is found in the same place was kept. All scores lie
between 0 and 1; where there is nothing in either picture they agree, and the score is 1. Nothing is drawn at random.
"""
