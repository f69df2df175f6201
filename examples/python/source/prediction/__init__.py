"""Which of 569 tumours are malignant?"""
