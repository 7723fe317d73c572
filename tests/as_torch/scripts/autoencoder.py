import torch
import torch.nn as nn
from torch.autograd import Variable
from start import fill, images, report


class autoencoder(nn.Module):
    def __init__(self):
        super(autoencoder, self).__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(True), nn.MaxPool2d(2, stride=2), nn.Conv2d(8, 4, 3, padding=1), nn.Tanh()
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(4, 8, 3, stride=2, padding=1, output_padding=1), nn.ReLU(True),
            nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1), nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


img, _ = images(n=16)
img = torch.from_numpy(img).clamp(min=0, max=1)
model = fill(autoencoder())
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-5)
losses = []
for epoch in range(8):
    x = Variable(img)
    output = model(x)
    loss = criterion(output, x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.data)
report(losses)
